// The texts of the price-plan pages come with these pages, not with the first load.
import { addTexts } from '.'
import en from './plan.en.json'
import chinese from './plan.zh-CN.json'

addTexts(chinese, en)
