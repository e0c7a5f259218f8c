"""Why a connection to an upstream failed, in words for the person who has to mend it."""

from __future__ import annotations

import os
import socket
import ssl

import aiohttp


def describe_failure(error: BaseException) -> str:
    """One line; what the library says where we know nothing better."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            advice = "add its issuer to this machine's trusted ones, or name a file of issuers in SSL_CERT_FILE"
            return f"its certificate is not trusted: {_reason(error.certificate_error)} ({advice})"
        case aiohttp.ClientConnectorSSLError():
            return f"no TLS connection to {_address(error)}: {_reason(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {_address(error)}: {_reason(error.os_error)}"
        case _:
            return str(error) or type(error).__name__


def describe_connect(host: str, port: int, error: OSError) -> str:
    """Why there is no connection to an address."""
    return f"no connection to {f'[{host}]' if ':' in host else host}:{port}: {_reason(error)}"


def _address(error: aiohttp.ClientConnectorError) -> str:
    host = f"[{error.host}]" if ":" in error.host else error.host
    return f"{host}:{error.port}"


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError():
            return error.reason.replace("_", " ").lower() or str(error)
        case socket.gaierror():
            return error.strerror or str(error)
        case OSError(errno=int(number)) if number:
            return os.strerror(number)  # an event loop may put the address where the system's words should be
        case _:
            return str(error)
