"""Ways to move traffic between blue and green; one file each."""
