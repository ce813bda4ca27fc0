"""The sections of a report: a summary in words, tables and charts."""

from stackit.report.sections.contents import contents

__all__ = ["contents"]
