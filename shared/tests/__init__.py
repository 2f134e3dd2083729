"""Tests of the kit and of the course command."""
