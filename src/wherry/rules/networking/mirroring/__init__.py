"""Endpoints that somebody writes by hand, mirrored to EndpointSlices: a pure rule. `plan.plan` is the entry."""
