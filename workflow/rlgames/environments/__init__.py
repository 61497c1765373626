"""Games: their dynamics, and the features that agents see of them."""
