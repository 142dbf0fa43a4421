#!/usr/bin/env bash
# Gradio's page waits for ever for the answer to an event that is sent just as the stream of the answers before it ends.
#
# The answers of a visit come over one stream. The server ends it with "close_stream" when the last event that it knows of
# has its answer; the client in the browser then counts the stream as closed, and opens one when an event is sent while
# none is open. An event that is sent after the server has ended the stream, and before the client has heard that (a slow
# line, a proxy that collects, a busy machine), finds the stream still open, so no other is opened: the server has its
# answer, and nobody fetches it. It comes with the next event that the visitor happens to send.
# The guess before it was run: a client that closes a stream looks whether events wait for it.
# Seen with Gradio 6.31.0 and @gradio/client 2.7.0, whose code the page uses too; here the stream is late by two seconds.
#
# What we do: the page has an event that lasts as long as it is open, so its stream is never ended
# (colorize/web/page.py; test_the_answers_come_over_one_stream_that_stays_open).
set -euo pipefail
command -v npm > /dev/null || { echo "there is no npm here, which the client needs"; exit 2; }
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check gradio==6.31.0
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @gradio/client@2.7.0
cat > server.py <<'PYTHON'
import gradio

with gradio.Blocks(analytics_enabled=False) as blocks:
    gradio.Interface(lambda text: f"answer to {text}", "text", "text", api_name="ask")
blocks.launch(quiet=True, prevent_thread_lock=True)
print(gradio.__version__, blocks.local_url, flush=True)
blocks.block_thread()
PYTHON
"$work/venv/bin/python" server.py > address 2> errors &
for _ in $(seq 600); do [ -s address ] && break; sleep 0.2; done
cat > client.mjs <<'JAVASCRIPT'
import { Client } from "@gradio/client";

const LATE = 2000; // milliseconds by which the stream is late; what is sent and answered at once is not
const address = process.argv[2];
const whole = globalThis.fetch;
globalThis.fetch = async (...request) => {
    const response = await whole(...request);
    const url = String(request[0]?.url ?? request[0]);
    if (!url.includes("queue/data")) return response;
    const late = new TransformStream({
        transform: async (chunk, out) => { await new Promise((done) => setTimeout(done, LATE)); out.enqueue(chunk); },
    });
    return new Response(response.body.pipeThrough(late), { headers: response.headers, status: response.status });
};
const client = await Client.connect(address);
const seconds = (begin) => ((Date.now() - begin) / 1000).toFixed(1);
const answers = {};
function ask(text) {
    const begin = Date.now();
    (async () => {
        for await (const message of client.submit("/ask", [text])) {
            if (message.type === "data") answers[text] = [message.data[0], seconds(begin)];
        }
    })();
}
const wait = (time) => new Promise((done) => setTimeout(done, time));
ask("the first");
await wait(1000); // the server has answered it and ended the stream; neither has arrived
ask("the second");
await wait(10000);
console.log("after ten seconds:", JSON.stringify(answers));
const lost = answers["the first"] && !answers["the second"];
ask("the third");
await wait(6000);
console.log("after a third event:", JSON.stringify(answers));
process.exit(lost && answers["the second"] ? 0 : 3);
JAVASCRIPT
read -r version address < address
echo "Gradio $version, @gradio/client 2.7.0"
node client.mjs "$address" || { echo "the behaviour has changed: no event waits for a stream that is closed"; exit 1; }
