"""Models that are kept: records, artefacts, model cards, gates, promotion, export."""
