"""The stack on UCI's Adult."""
