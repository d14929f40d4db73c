"""What runs on one side only: which objects, how they are stopped and started, and how they are handed over and back."""
