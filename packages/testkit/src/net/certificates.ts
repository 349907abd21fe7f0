import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { checkIterable, checkNumber, checkText } from '../check.js';

/** A certificate and its private key, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority that exists for one test. Nothing is written to disk. */
export interface CertificateAuthority {
  /** Its own certificate, as PEM: what the other side must trust. */
  readonly cert: string;
  /**
   * A certificate for servers and clients alike, valid for `hosts` (default: `localhost` and 127.0.0.1) from a day ago until
   * tomorrow, or until `notAfter`, in milliseconds since the epoch.
   */
  issue(commonName: string, hosts?: readonly string[], notAfter?: number): Certificate;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const OID = {
  ecdsaWithSha256: '2a8648ce3d040302',
  commonName: '550403',
  basicConstraints: '551d13',
  keyUsage: '551d0f',
  extendedKeyUsage: '551d25',
  subjectAltName: '551d11',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
};

/**
 * Makes an authority for tests of TLS: Node can check X.509 certificates but not make them, and a test should need no
 * openssl. Only what TLS between a client and etcd takes is written (RFC 5280, version 3, ECDSA on P-256).
 */
export function certificateAuthority(commonName = 'Holdfast test authority'): CertificateAuthority {
  checkText(commonName, 'certificateAuthority(commonName)', "'my authority'");
  const keys = newKeys();
  const signer = { name: commonName, key: keys.privateKey };
  const authority = [
    extension(OID.basicConstraints, sequence(tlv(0x01, Buffer.of(0xff)))),
    extension(OID.keyUsage, tlv(0x03, Buffer.of(1, 0b0000_0110))), // Signs certificates and revocation lists.
  ];
  return {
    cert: certificate(commonName, keys.publicKey, signer, authority),
    issue: (name, hosts = ['localhost', '127.0.0.1'], notAfter) => {
      checkText(name, 'issue(commonName)', "'etcd'");
      checkIterable(hosts, 'issue(commonName, hosts)');
      if (notAfter !== undefined) checkNumber(notAfter, 'notAfter', 'milliseconds since the epoch');
      const own = newKeys();
      const usage = extension(OID.extendedKeyUsage, sequence(oid(OID.serverAuth), oid(OID.clientAuth)));
      const names = extension(OID.subjectAltName, sequence(...hosts.map(alternativeName)));
      return {
        cert: certificate(name, own.publicKey, signer, [usage, names], notAfter),
        key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function certificate(
  subject: string,
  publicKey: KeyObject,
  issuer: { readonly name: string; readonly key: KeyObject },
  extensions: readonly Buffer[],
  notAfter = Date.now() + DAY_MS,
): string {
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const serial = Buffer.concat([Buffer.of(1), randomBytes(15)]); // Positive, and without a leading zero.
  const signed = sequence(
    tlv(0xa0, tlv(0x02, Buffer.of(2))),
    tlv(0x02, serial),
    algorithm,
    distinguishedName(issuer.name),
    sequence(time(Date.now() - DAY_MS), time(notAfter)),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', signed, issuer.key);
  const der = sequence(signed, algorithm, tlv(0x03, Buffer.of(0), signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** A DER value: tag, length, contents. */
function tlv(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(content.length);
  return Buffer.concat([Buffer.of(tag, 0x82), length, content]);
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return tlv(0x30, ...contents);
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(tlv(0x31, sequence(oid(OID.commonName), tlv(0x0c, Buffer.from(commonName)))));
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+|\D/g, '');
  return tlv(0x17, Buffer.from(`${digits.slice(2)}Z`));
}

function extension(id: string, value: Buffer): Buffer {
  const critical = id === OID.basicConstraints ? [tlv(0x01, Buffer.of(0xff))] : [];
  return sequence(oid(id), ...critical, tlv(0x04, value));
}

function alternativeName(host: string): Buffer {
  if (isIP(host) === 4) return tlv(0x87, Buffer.from(host.split('.').map(Number)));
  return tlv(0x82, Buffer.from(host));
}
