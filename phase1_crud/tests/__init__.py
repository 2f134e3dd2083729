"""What must hold for this phase: the contract, and what only the inside can see."""
