"""The OpenAPI documents: v3 per group, v2 as JSON and protobuf, those of custom kinds included."""
