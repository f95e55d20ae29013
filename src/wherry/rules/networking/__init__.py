"""Services and what lies behind them: addresses and ports (`services`), Endpoints and EndpointSlices (`endpoints`), their `mirroring`."""
