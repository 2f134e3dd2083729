"""What any implementation of a phase must do, in any language: checks over HTTP alone."""
