"""The stack on Kaggle's Amazon Employee Access."""
