"""Presets for raw tables: members with their hyperparameters, the time-limited scheduler, and their blend."""

from stackit.presets.blend import Blend, choose_blend

__all__ = ["Blend", "choose_blend"]
