"""Custom kinds: CustomResourceDefinitions, their schemas, rules, names, versions and printers."""
