"""The members of the portfolios: one file per family, with hyperparameters and where they come from."""

__all__: list[str] = []
