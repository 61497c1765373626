"""How agents meet environments: training from one seed, and playing a recorded episode again."""
