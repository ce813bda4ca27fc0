"""Transfer learning between letters, digits and photographs: when it helps, and when it harms."""
