"""The framework: features, families, tables, registry, validity."""
