"""Signs and verifies with Debian's python3-dkim: a job in JSON from standard input, its result in JSON."""
import base64
import json
import sys

import dkim

job = json.load(sys.stdin)
message = base64.b64decode(job["message"])


def txt(name, timeout=5):
    records = job["zone"].get(name.decode().rstrip("."))
    return records[0].encode() if records else None


def verify():
    d = dkim.DKIM(message, minkey=1024)
    out = []
    for i in range(len([1 for name, _ in d.headers if name.lower() == b"dkim-signature"])):
        try:
            out.append(dkim.DKIM(message, minkey=1024).verify(idx=i, dnsfunc=txt))
        except dkim.DKIMException as e:
            out.append(str(e))
    return out


def sign():
    head, body = job["form"].split("/")
    field = dkim.sign(message, job["selector"].encode(), job["domain"].encode(), job["key"].encode(),
                      canonicalize=(head.encode(), body.encode()), signature_algorithm=job["algorithm"].encode(),
                      length=job.get("length", False))
    return (field + message).decode("latin-1")


def arc_sign():
    fields = dkim.arc_sign(message, job["selector"].encode(), job["domain"].encode(), job["key"].encode(),
                           b"gate.example")
    return (b"".join(fields) + message).decode("latin-1")


def arc_verify():
    cv, _, _ = dkim.arc_verify(message, dnsfunc=txt)
    return cv.decode()


json.dump({f.__name__: f for f in (verify, sign, arc_sign, arc_verify)}[job["do"]](), sys.stdout)
