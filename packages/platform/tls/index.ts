export * from './certificate-fault.ts';
export { type Authority, currentAuthority, openAuthority } from './open-authority.ts';
export { type Certificates, openCertificates } from './open-certificates.ts';
export { certificateOf, isCertificateFor } from './peer-certificate.ts';
export { readAuthority } from './read-authority.ts';
