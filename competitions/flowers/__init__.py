"""Photographs of flowers, stacked on the codes of networks that have seen a million other photographs."""
