"""What the rules run, one module each: arguments and files in, library calls, files out."""
