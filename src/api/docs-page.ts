/** GET /docs: Swagger UI over /openapi.json. Everything that the page loads comes from here. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import express, { type Express } from 'express';
import helmet from 'helmet';

/** Copied by the build (scripts/copy-docs-assets.mjs); in the sources, the package itself. */
/** In the build, and in a checkout. */
const FOLDERS = ['./swagger-ui/', '../../node_modules/swagger-ui-dist/'];
const ASSETS: readonly string[] = ['swagger-ui.css', 'swagger-ui-bundle.js'];

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>f5-narrator: HTTP API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

/** validatorUrl: null, or the page would send the document's address to a validator on the internet. */
const START = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: false,
  persistAuthorization: false,
});
`;

/** Styles are set in line by Swagger UI as it draws; scripts are not. */
const CONTENT_POLICY = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    'default-src': ["'none'"],
    'base-uri': ["'none'"],
    'connect-src': ["'self'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'none'"],
    'img-src': ["'self'", 'data:'],
    'script-src': ["'self'"],
    'style-src': ["'self'", "'unsafe-inline'"],
  },
});

/** Without its files there is no page: nothing else depends on it. */
export function addDocsPage(
  app: Express,
  { log }: { readonly log: (event: string, fields: Record<string, unknown>) => void },
): void {
  const folder = FOLDERS.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) =>
    ASSETS.every((name) => existsSync(path + name)),
  );
  if (folder === undefined) return log('docs.missing', { hint: '`npm run build` copies the files of the page.' });
  app.get('/docs', CONTENT_POLICY, (_request, response) => void response.type('html').send(PAGE));
  const files = express.static(folder, { index: false, redirect: false, maxAge: '1d' });
  app.use('/docs', (request, response, next) => {
    if (request.path === '/start.js') response.type('js').send(START);
    else if (ASSETS.includes(request.path.slice(1))) files(request, response, next);
    else next();
  });
}
