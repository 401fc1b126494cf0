// A real OpenID Connect provider for the tests: node provider.mjs PORT CLIENT SECRET REDIRECT.
// Whoever signs in as NAME@city is one, and NAME is what the city calls him.
import { Provider } from 'oidc-provider';

const [port, client, secret, redirect] = process.argv.slice(2);
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id: client, client_secret: secret, redirect_uris: [redirect] }],
  claims: { openid: ['sub'], profile: ['preferred_username'] },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id.split('@')[0] }) }),
  cookies: { keys: ['only for tests'] },
});
provider.listen(Number(port), () => console.log('ready'));
