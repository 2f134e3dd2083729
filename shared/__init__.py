"""The kit around the phases: infrastructure, contracts, the course command."""
