"""Where evidence comes from: presets, stacks, and runs of out-of-fold predictions."""

__all__: list[str] = []
