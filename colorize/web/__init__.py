"""The web page and the HTTP service: one process, one engine. The only place that imports gradio or fastapi."""
