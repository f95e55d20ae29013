"""Which pods stand behind a Service: Endpoints, EndpointSlices, hints and topology."""
