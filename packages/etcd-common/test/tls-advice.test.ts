import { expect, test } from '@jest/globals';
import { tlsAdvice } from '@holdfast/etcd-common';

// Node's codes, and the texts that gRPC makes of the same failures.
test.each([
  ['CERT_HAS_EXPIRED', /server's certificate has expired/],
  ['CERT_HAS_EXPIRED: certificate has expired', /server's certificate has expired/],
  ['CERT_NOT_YET_VALID', /compare the clocks/],
  ['SELF_SIGNED_CERT_IN_CHAIN', /tls\.ca/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate', /tls\.ca/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE: unable to verify the first certificate', /tls\.ca/],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /tls\.ca/],
  ['CERT_UNTRUSTED', /tls\.ca/],
  ["ERR_TLS_CERT_ALTNAME_INVALID: Hostname/IP does not match certificate's altnames", /tls\.serverName/],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', /client certificate has expired/],
  ['sslv3 alert certificate expired:rec_layer_s3.c:1601:SSL alert number 45', /client certificate has expired/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /pass tls\.cert/],
  ['tlsv13 alert certificate required', /pass tls\.cert/],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', /pass tls\.cert/],
  ['sslv3 alert certificate unknown:rec_layer_s3.c:1601:SSL alert number 46', /pass tls\.cert/],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED', /pass tls\.cert/],
  ['ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE', /pass tls\.cert/],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', /pass tls\.cert/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: tlsv1 alert unknown ca', /authority that signed tls\.cert/],
  ['ERR_SSL_WRONG_VERSION_NUMBER: wrong version number', /write http:\/\//],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', /write http:\/\//],
  ['ERR_SSL_HTTP_REQUEST', /write http:\/\//],
])('%s', (reason, advice) => {
  expect(tlsAdvice(reason)).toMatch(advice);
});

test.each([
  'ECONNREFUSED',
  'connect ECONNREFUSED 127.0.0.1:2379',
  'read ECONNRESET',
  'unsupported certificate purpose',
])('%s is no matter of TLS, or none with an advice', (reason) => {
  expect(tlsAdvice(reason)).toBeUndefined();
});
