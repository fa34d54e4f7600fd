// The texts of the fee-control pages come with these pages, not with the first load.
import { addTexts } from '.'
import en from './strategy.en.json'
import chinese from './strategy.zh-CN.json'

addTexts(chinese, en)
