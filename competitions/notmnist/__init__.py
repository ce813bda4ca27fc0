"""The letters A to J of notMNIST under the 7-layer perceptron of the notes."""
