"""The training of several networks at once."""

from typing import TYPE_CHECKING

from stackit._lazy import lazy_names

if TYPE_CHECKING:
    from stackit.neural.training.batches import n_batches
    from stackit.neural.training.config import TrainingConfig
    from stackit.neural.training.inputs import InputRows, InputTable
    from stackit.neural.training.loop import train
    from stackit.neural.training.losses import Dataset, NetSpec

__all__ = ["Dataset", "InputRows", "InputTable", "NetSpec", "TrainingConfig", "n_batches", "train"]

__getattr__, __dir__, _ = lazy_names(
    "stackit.neural.training",
    {
        "batches": ["n_batches"],
        "config": ["TrainingConfig"],
        "inputs": ["InputRows", "InputTable"],
        "loop": ["train"],
        "losses": ["Dataset", "NetSpec"],
    },
    extra="torch",
)
