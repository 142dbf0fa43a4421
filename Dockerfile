# The page and the HTTP service:  docker build -t colorize . && docker run --rm -p 127.0.0.1:7860:7860 colorize
FROM python:3.12-slim
RUN useradd --create-home colorize
WORKDIR /app
COPY pyproject.toml setup.py README.md LICENSE ./
COPY colorize colorize
COPY weights weights
# NVIDIA: ".[web,heic,torch]", and run with --gpus all
RUN pip install --no-cache-dir ".[web,heic]"
USER colorize
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz')"]
# Reached by another name than localhost or a number? Add --allow-host NAME, and --auth USER:PASSWORD.
ENTRYPOINT ["colorize-web", "--host", "0.0.0.0"]
