export const HTTPS_REQUIRED_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Starling: use HTTPS</title>
<h1>Use HTTPS</h1>
<p>Over plain HTTP, everyone on the way could read passwords and messages, so Starling answers only on the machine
itself: <code>http://localhost</code> with its port.</p>
<p>To reach it from elsewhere, start it with a certificate for this name:</p>
<pre>npm start -- --tls-cert certificate.pem --tls-key key.pem</pre>
`;
