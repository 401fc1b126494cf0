// A real OpenID Connect provider for the tests: node provider.mjs PORT CLIENT SECRET REDIRECT. Any user name is one.
import { Provider } from 'oidc-provider';

const [port, client, secret, redirect] = process.argv.slice(2);
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id: client, client_secret: secret, redirect_uris: [redirect] }],
  claims: { openid: ['sub'], profile: ['preferred_username'] },
  findAccount: (_ctx, id) => ({ accountId: `no-${id}`, claims: () => ({ sub: `no-${id}`, preferred_username: id.replace(/^no-/, '') }) }),
  cookies: { keys: ['only for tests'] },
});
provider.listen(Number(port), () => console.log('ready'));
