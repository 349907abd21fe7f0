/**
 * What to do about a TLS failure, by the codes of Node and OpenSSL (`CERT_HAS_EXPIRED`, `ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE`) and by
 * OpenSSL's texts (`sslv3 alert bad certificate`), because gRPC passes on only a text. Such failures don't pass by themselves.
 */
const TLS_ADVICE: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/CERT_HAS_EXPIRED/, "the server's certificate has expired: renew it"],
  [/CERT_NOT_YET_VALID/, "the server's certificate is not valid yet: compare the clocks"],
  [
    /UNABLE_TO_|SELF_SIGNED_CERT|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE/,
    "the server's certificate is signed by an unknown authority: pass that authority's certificate in tls.ca",
  ],
  [/ERR_TLS_CERT_ALTNAME/, "the server's certificate is for another name: set tls.serverName to one that it carries"],
  [/alert.(?:certificate.expired|number 45)/i, 'the client certificate has expired: renew tls.cert and tls.key'],
  [
    // Also alerts 40, 43, 44, 46: a failed handshake, and certificates of the wrong kind, revoked, or bad for another reason.
    /certificate.required|bad.certificate|handshake.failure|alert.(?:certificate.(?:revoked|unknown)|unsupported.certificate|number (?:40|42|43|44|46|116))/i,
    'the server wants a client certificate that it accepts: pass tls.cert and tls.key',
  ],
  [/unknown.ca\b/i, 'the server does not know the authority that signed tls.cert'],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/,
    'the server does not speak TLS: write http:// instead of https://',
  ],
];

/** What to do about a failed connection, if TLS is the reason. */
export function tlsAdvice(reason: string): string | undefined {
  return TLS_ADVICE.find(([pattern]) => pattern.test(reason))?.[1];
}

/**
 * For a connection that ended during the handshake: a server without TLS does that. It may also pass, because a server that is about to
 * stop does the same.
 */
export const HANDSHAKE_ENDED =
  'the server ended the TLS handshake; if it does not speak TLS, write http:// instead of https://';
