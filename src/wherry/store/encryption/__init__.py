"""Encryption of chosen resources where they are stored: an EncryptionConfiguration, its providers, and what stores use of them."""
