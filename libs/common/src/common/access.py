"""The one permission rule: may_view, may_stream, may_download; pure."""
