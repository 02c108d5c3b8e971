"""What a run is worth: every number beside the martingale's, with controls, as text and page."""
