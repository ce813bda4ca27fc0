"""With and without batch norm on some of CIFAR-10."""
