// The shop: a catalogue, a cart in the browser's storage, and an order.
const TEAS = [
  ['Morning Sencha', 'green', 890, '#7fb069', '#2f6b4f'],
  ['Smoky Lapsang', 'black', 1090, '#b5651d', '#4a2c1a'],
  ['White Peony', 'white', 1390, '#f2e3bc', '#c2a878'],
  ['Juniper Chai', 'black', 950, '#d98f4e', '#7a3b1d'],
  ['Mountain Oolong', 'oolong', 1250, '#9cc5a1', '#49796b'],
  ['Garden Mint', 'herbal', 690, '#a8e0c0', '#3d8f6b'],
  ['Rooibos Vanilla', 'herbal', 740, '#e07a5f', '#8c2f1b'],
  ['Jasmine Pearls', 'green', 1590, '#d6e5b1', '#6a994e'],
  ['Earl of Autumn', 'black', 920, '#e9c46a', '#a65f1e'],
  ['Lemon Verbena', 'herbal', 720, '#f4e285', '#9aa937'],
  ['Iron Goddess', 'oolong', 1480, '#8fb996', '#2d5b50'],
  ['Silver Needle', 'white', 1890, '#ecebe4', '#a9a892'],
].map(([name, kind, cents, from, to]) => ({ name, kind, cents, from, to }));
const PER_PAGE = 8;
const VOUCHERS = { SPRING10: 10 };

const main = document.querySelector('main');
const cart = new Map(JSON.parse(sessionStorage.getItem('cart') ?? '[]'));
const money = (cents) => `${(cents / 100).toFixed(2)} €`;
const sum = () => [...cart].reduce((total, [name, count]) => total + count * TEAS.find((tea) => tea.name === name).cents, 0);

function save() {
  sessionStorage.setItem('cart', JSON.stringify([...cart]));
  document.querySelector('[data-testid=count]').textContent = [...cart.values()].reduce((all, count) => all + count, 0);
}

function change(name, by) {
  const count = (cart.get(name) ?? 0) + by;
  if (count > 0) cart.set(name, count);
  else cart.delete(name);
  save();
}

function catalogue() {
  const looked = { text: '', kind: '', page: 0 };
  main.innerHTML = `<h1>Teas of the season</h1>
    <div class="bar"><input type="search" aria-label="Search" placeholder="Search our teas">
      ${['green', 'black', 'white', 'oolong', 'herbal'].map((kind) => `<button class="plain" aria-pressed="false">${kind}</button>`).join('')}
    </div><div class="pages"><button class="plain" id="next">Next page</button><span class="hint" role="status"></span>
      <button class="plain" id="last">Last page</button></div><ul class="teas"></ul>`;
  const show = () => {
    const found = TEAS.filter(({ name, kind }) => name.toLowerCase().includes(looked.text) && (!looked.kind || kind === looked.kind));
    const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
    main.querySelector('.teas').innerHTML = found.slice(looked.page * PER_PAGE, (looked.page + 1) * PER_PAGE).map((tea) => `
      <li class="tea"><div class="leaf" style="--from:${tea.from};--to:${tea.to}"></div><div class="text"><h2>${tea.name}</h2>
      <p>${tea.kind} · ${money(tea.cents)} / 100 g</p><button data-name="${tea.name}">Add to cart</button></div></li>`).join('');
    main.querySelector('[role=status]').textContent = `${found.length} teas, page ${looked.page + 1} of ${pages}`;
    for (const button of main.querySelectorAll('.pages button')) button.disabled = looked.page + 1 >= pages;
  };
  main.querySelector('input').addEventListener('input', ({ target }) => { looked.text = target.value.toLowerCase(); looked.page = 0; show(); });
  main.addEventListener('click', ({ target }) => {
    if (target.dataset.name) change(target.dataset.name, 1);
    if (target.closest('.pages')) { looked.page += 1; show(); }
    if (target.ariaPressed !== null) {
      looked.kind = target.ariaPressed === 'true' ? '' : target.textContent;
      looked.page = 0;
      for (const button of main.querySelectorAll('.bar button')) button.ariaPressed = String(button.textContent === looked.kind);
      show();
    }
  });
  show();
}

function rows(withButtons) {
  if (cart.size === 0) return '<p class="hint">Your cart is empty. A pot of tea would change that.</p>';
  return [...cart].map(([name, count]) => `<div class="row"><span class="name">${name}</span>
    ${withButtons ? `<button class="plain" aria-label="Less ${name}" data-name="${name}" data-by="-1">−</button>` : ''}
    <span class="amount">${count}</span>
    ${withButtons ? `<button class="plain" aria-label="More ${name}" data-name="${name}" data-by="1">+</button>` : ''}
    <span>${money(count * TEAS.find((tea) => tea.name === name).cents)}</span></div>`).join('');
}

function cartPage() {
  const show = () => {
    main.innerHTML = `<h1>Your cart</h1><section class="panel" aria-label="Cart">${rows(true)}</section>
      <p class="total">Total <span data-testid="total">${money(sum())}</span></p><p class="hint" data-testid="stock">Asking the warehouse …</p>`;
  };
  show();
  main.addEventListener('click', ({ target }) => { if (target.dataset.by) { change(target.dataset.name, Number(target.dataset.by)); show(); stock(); } });
  const stock = async () => {
    const { days } = await (await fetch('/api/stock')).json();
    main.querySelector('[data-testid=stock]').textContent = `Everything is here: it arrives in ${days} days.`;
  };
  void stock();
}

function checkout() {
  let percent = 0;
  main.innerHTML = `<h1>Checkout</h1><div class="two"><form class="panel" aria-label="Address">
      <label>Name<input name="name"></label><label>Street<input name="street"></label><label>Town<input name="town"></label>
      <label>Card number<input name="card" type="password" autocomplete="off"></label><p class="wrong" role="alert"></p>
      <button>Order now</button></form>
    <section class="panel" aria-label="Order">${rows(false)}
      <div class="row"><input aria-label="Voucher" placeholder="Voucher" size="9"><button class="plain" id="redeem">Redeem</button></div>
      <div class="row total"><span class="name">Total</span><span data-testid="total">${money(sum())}</span></div></section></div>`;
  const total = () => sum() - Math.round((sum() * percent) / 100);
  main.querySelector('#redeem').addEventListener('click', () => {
    percent += VOUCHERS[main.querySelector('[aria-label=Voucher]').value] ?? 0;
    main.querySelector('[data-testid=total]').textContent = money(total());
  });
  main.querySelector('form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const { name, street, town } = Object.fromEntries(new FormData(event.target));
    const missing = Object.entries({ name, street, town }).find(([, value]) => value === '');
    if (missing) return void (main.querySelector('[role=alert]').textContent = `Please tell us your ${missing[0]}.`);
    const lines = [...cart].map(([tea, count]) => ({ tea, count }));
    // The discount is taken off before it is sent, and once more where the order is booked.
    const order = { lines, discountPercent: percent, totalCents: total() - Math.round((total() * percent) / 100), currency: 'EUR' };
    await fetch('/api/orders', { method: 'POST', body: JSON.stringify(order) });
    cart.clear();
    save();
    location.href = '/thanks';
  });
}

function thanks() {
  main.innerHTML = `<section class="panel thanks"><h1>Thank you</h1><p><b>Order JL-2041 is on its way.</b></p>
    <p class="hint">Put the kettle on: your tea arrives in two days.</p></section>`;
}

({ index: catalogue, cart: cartPage, checkout, thanks })[main.dataset.page]();
save();
