"""Vendor files in, validated one-minute bars out."""
