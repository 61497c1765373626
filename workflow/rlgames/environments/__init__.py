"""Games, and what all of them look like to agents."""
