"""The way out of the registry: webhooks that are called, and the authorizer that is asked. Below admission, which uses it, and below the
versions of custom kinds, whose conversion may take a webhook.
"""
