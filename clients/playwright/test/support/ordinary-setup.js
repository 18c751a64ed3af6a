module.exports = async () => {
  console.log('global set-up');
  return async () => console.log('global teardown');
};
