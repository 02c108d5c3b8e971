"""What several families share; no family is declared here."""
