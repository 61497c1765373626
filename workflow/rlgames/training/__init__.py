"""How agents meet environments: training from one seed, and replaying a recorded episode."""
