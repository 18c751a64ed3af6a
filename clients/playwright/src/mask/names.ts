/** Parts of names that are secret wherever they stand: `#loginPassword`, `apiToken`. */
const PARTS = new RegExp(
  [
    'passw(?:or)?d|passphrase|passcode|secret(?!ar)|token|credential|api ?key|access ?key|private ?key',
    '(?:one ?time|security|verification|auth(?:entication)?|pin) ?code|card ?(?:number|num|no\\b)',
    '(?:credit|debit) ?card|social ?security|passwort|kennwort|contrase[nñ]a|mot de passe|senha|wachtwoord|пароль|密码|パスワード',
  ].join('|'),
);
/** Words that are secret if they stand alone: not `spin`, not `shipping`. */
const WORDS =
  /(?<![\p{L}\p{N}])(?:pass|pwd|pw|passwd|t?otp|2?mfa|2fa|pin|cvc2?|cvv2?|csc|iban|ssn|cc number)(?![\p{L}\p{N}])/u;
/** A field that is called `card`, and not something that is on a card: `#card`, `getByLabel('Card')`. */
const CARD = /(?<![.\w-])card(?=["'`\])]|$)/i;

/** Whether a locator, a selector or an element names a field with a secret. */
export function isSecretField(text: string): boolean {
  if (text === '') return false;
  const words = text
    .slice(0, 4_096)
    .replace(/(?<=[a-z0-9])(?=[A-Z])/g, ' ')
    .toLowerCase()
    .replace(/[-_]+/g, ' ');
  return PARTS.test(words) || WORDS.test(words) || CARD.test(text);
}

/** Names of variables and members that are secret: `DB_PASSWORD`, `apiKey`, `NPM_AUTH`. */
const VARIABLE = new RegExp(
  [
    'PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|APIKEY|AUTHORIZATION|CONNECTION_?STRING',
    '(?:^|_)(?:PWD|PASS|PAT|AUTH|PIN|OTP|DSN)$|[^_]_KEY(?:_?(?:ID|BASE64|PEM|\\d+))?$|PRIVATE_?KEY|ACCESS_?KEY',
  ].join('|'),
);
/** Directories, by the shell's own names. */
const DIRECTORIES = new Set(['PWD', 'OLDPWD', 'INIT_CWD']);

/** Whether an environment variable has a secret, by its name. */
export function isSecretVariable(name: string): boolean {
  return VARIABLE.test(name.toUpperCase()) && !DIRECTORIES.has(name);
}

/** Whether a member of an object has a secret, by its name. */
export function isSecretMember(name: string): boolean {
  return name.length <= 64 && VARIABLE.test(name.replace(/(?<=[a-z0-9])(?=[A-Z])|-/g, '_').toUpperCase());
}

/** Texts that stand in passwords' places and everywhere else too: masking them would leave nothing to read. */
const COMMON = new Set(
  (
    'true false null none undefined default enabled disabled required optional always never unset empty dummy ' +
    'example sample test tests testing tester test1234 testtest user username users guest root admin ' +
    'administrator demo pass password passwd password1 secret token value text string hello world login name ' +
    'email localhost 127.0.0.1 0.0.0.0 postgres postgresql mysql mariadb redis mongodb rabbitmq elastic minio ' +
    'minioadmin development production staging preview internal inherit chrome chromium firefox webkit page ' +
    'click fill expect error warning info debug http https file node playwright runcast github gitlab 1234 ' +
    '0000 2024 2025 2026 2027'
  ).split(' '),
);

/** Whether a text is too common to be masked wherever it stands. */
export function isCommon(text: string): boolean {
  const word = text.trim().toLowerCase();
  return word === '' || COMMON.has(word) || /^(.)\1*$/su.test(word);
}
