"""Phase 0: an HTTP service without a framework, so that nothing about HTTP stays hidden."""
