"""What the engine knows of one estimator: traits, seeds, predictions, labels, metadata, scoring."""

__all__: list[str] = []
