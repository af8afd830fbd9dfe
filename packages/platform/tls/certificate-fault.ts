/** Why a peer's certificate was not taken. */
export type CertificateFault = 'untrusted' | 'wrong-name' | 'expired';

/** As OpenSSL's verification and Node's check of names call them. */
const FAULTS: Record<string, CertificateFault> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted',
  CERT_SIGNATURE_FAILURE: 'untrusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'wrong-name',
  CERT_HAS_EXPIRED: 'expired',
};

/** What the code of a failed TLS connection says about the peer's certificate; `undefined`: nothing. */
export function certificateFault(code: string | undefined): CertificateFault | undefined {
  return code === undefined ? undefined : FAULTS[code];
}
